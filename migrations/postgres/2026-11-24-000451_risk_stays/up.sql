CREATE FUNCTION countersign_escalation_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'open' THEN
    RAISE EXCEPTION 'an escalation never changes';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER risk_assessments_fixed BEFORE DELETE OR UPDATE ON risk_assessments
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a risk assessment never changes');
ALTER TABLE risk_assessments ENABLE ALWAYS TRIGGER risk_assessments_fixed;
CREATE TRIGGER risk_assessments_kept BEFORE TRUNCATE ON risk_assessments
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a risk assessment never changes');
ALTER TABLE risk_assessments ENABLE ALWAYS TRIGGER risk_assessments_kept;
CREATE TRIGGER risk_scores_fixed BEFORE DELETE OR UPDATE ON risk_scores
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a risk assessment never changes');
ALTER TABLE risk_scores ENABLE ALWAYS TRIGGER risk_scores_fixed;
CREATE TRIGGER risk_scores_kept BEFORE TRUNCATE ON risk_scores
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a risk assessment never changes');
ALTER TABLE risk_scores ENABLE ALWAYS TRIGGER risk_scores_kept;
CREATE TRIGGER risk_escalations_fixed BEFORE DELETE OR UPDATE OF
id, assessment_id, record_id, rule, areas, role, due_on ON risk_escalations
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('an escalation never changes');
ALTER TABLE risk_escalations ENABLE ALWAYS TRIGGER risk_escalations_fixed;
CREATE TRIGGER risk_escalations_settled BEFORE UPDATE ON risk_escalations
FOR EACH ROW EXECUTE FUNCTION countersign_escalation_settled();
ALTER TABLE risk_escalations ENABLE ALWAYS TRIGGER risk_escalations_settled;
CREATE TRIGGER risk_escalations_kept BEFORE TRUNCATE ON risk_escalations
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('an escalation never changes');
ALTER TABLE risk_escalations ENABLE ALWAYS TRIGGER risk_escalations_kept;
