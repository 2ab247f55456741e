CREATE FUNCTION countersign_waiver_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state IN ('refused', 'withdrawn')
    OR (OLD.state = 'granted' AND NEW.state <> 'withdrawn') THEN
    RAISE EXCEPTION 'a waiver never changes';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER test_results_fixed BEFORE DELETE OR UPDATE ON test_results
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a test result never changes');
CREATE TRIGGER test_results_kept BEFORE TRUNCATE ON test_results
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a test result never changes');
ALTER TABLE test_results ENABLE ALWAYS TRIGGER test_results_fixed;
ALTER TABLE test_results ENABLE ALWAYS TRIGGER test_results_kept;
CREATE TRIGGER test_waivers_fixed BEFORE DELETE OR UPDATE OF id, record_id, plan, gate, until, asked_by, asked_seq, asked_at ON test_waivers
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a waiver never changes');
CREATE TRIGGER test_waivers_settled BEFORE UPDATE ON test_waivers
FOR EACH ROW EXECUTE FUNCTION countersign_waiver_settled();
CREATE TRIGGER test_waivers_kept BEFORE TRUNCATE ON test_waivers
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a waiver never changes');
ALTER TABLE test_waivers ENABLE ALWAYS TRIGGER test_waivers_fixed;
ALTER TABLE test_waivers ENABLE ALWAYS TRIGGER test_waivers_settled;
ALTER TABLE test_waivers ENABLE ALWAYS TRIGGER test_waivers_kept;
