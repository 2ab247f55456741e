CREATE FUNCTION countersign_sample_withdrawn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.withdrawn_seq IS NOT NULL THEN
    RAISE EXCEPTION 'what overseers found never changes';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER oversight_arrangements_fixed BEFORE DELETE OR UPDATE ON oversight_arrangements
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('who oversees is named anew, never changed');
CREATE TRIGGER oversight_arrangements_kept BEFORE TRUNCATE ON oversight_arrangements
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('who oversees is named anew, never changed');
ALTER TABLE oversight_arrangements ENABLE ALWAYS TRIGGER oversight_arrangements_fixed;
ALTER TABLE oversight_arrangements ENABLE ALWAYS TRIGGER oversight_arrangements_kept;
CREATE TRIGGER overseers_fixed BEFORE DELETE OR UPDATE ON overseers
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('who oversees is named anew, never changed');
CREATE TRIGGER overseers_kept BEFORE TRUNCATE ON overseers
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('who oversees is named anew, never changed');
ALTER TABLE overseers ENABLE ALWAYS TRIGGER overseers_fixed;
ALTER TABLE overseers ENABLE ALWAYS TRIGGER overseers_kept;
CREATE TRIGGER oversight_samples_fixed BEFORE DELETE OR UPDATE OF
id, record_id, looked_on, looked_at, overridden, recorded_by, seq, at ON oversight_samples
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('what overseers found never changes');
CREATE TRIGGER oversight_samples_withdrawn BEFORE UPDATE ON oversight_samples
FOR EACH ROW EXECUTE FUNCTION countersign_sample_withdrawn();
CREATE TRIGGER oversight_samples_kept BEFORE TRUNCATE ON oversight_samples
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('what overseers found never changes');
ALTER TABLE oversight_samples ENABLE ALWAYS TRIGGER oversight_samples_fixed;
ALTER TABLE oversight_samples ENABLE ALWAYS TRIGGER oversight_samples_withdrawn;
ALTER TABLE oversight_samples ENABLE ALWAYS TRIGGER oversight_samples_kept;
