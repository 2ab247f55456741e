CREATE TRIGGER risk_assessments_no_update BEFORE UPDATE ON risk_assessments
BEGIN SELECT RAISE(ABORT, 'a risk assessment never changes'); END;
CREATE TRIGGER risk_assessments_no_delete BEFORE DELETE ON risk_assessments
BEGIN SELECT RAISE(ABORT, 'a risk assessment never changes'); END;
CREATE TRIGGER risk_assessments_no_replace BEFORE INSERT ON risk_assessments
WHEN EXISTS (SELECT 1 FROM risk_assessments WHERE id = NEW.id OR seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'a risk assessment never changes'); END;
CREATE TRIGGER risk_scores_no_update BEFORE UPDATE ON risk_scores
BEGIN SELECT RAISE(ABORT, 'a risk assessment never changes'); END;
CREATE TRIGGER risk_scores_no_delete BEFORE DELETE ON risk_scores
BEGIN SELECT RAISE(ABORT, 'a risk assessment never changes'); END;
CREATE TRIGGER risk_scores_no_replace BEFORE INSERT ON risk_scores
WHEN EXISTS (SELECT 1 FROM risk_scores WHERE assessment_id = NEW.assessment_id AND area = NEW.area)
BEGIN SELECT RAISE(ABORT, 'a risk assessment never changes'); END;
CREATE TRIGGER risk_escalations_fixed
BEFORE UPDATE OF id, assessment_id, record_id, rule, areas, role, due_on ON risk_escalations
BEGIN SELECT RAISE(ABORT, 'an escalation never changes'); END;
CREATE TRIGGER risk_escalations_settled BEFORE UPDATE ON risk_escalations
WHEN OLD.state <> 'open'
BEGIN SELECT RAISE(ABORT, 'an escalation never changes'); END;
CREATE TRIGGER risk_escalations_no_delete BEFORE DELETE ON risk_escalations
BEGIN SELECT RAISE(ABORT, 'an escalation never changes'); END;
CREATE TRIGGER risk_escalations_no_replace BEFORE INSERT ON risk_escalations
WHEN EXISTS (SELECT 1 FROM risk_escalations WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'an escalation never changes'); END;
