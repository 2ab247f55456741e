-- Doctor compares each trigger with the text here as PostgreSQL writes it back; so no WHEN, whose
-- wording differs between versions: conditions stand in functions.
CREATE FUNCTION countersign_with_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seq <> (SELECT MAX(seq) FROM ledger_entries)
    OR EXISTS (SELECT 1 FROM erased_values WHERE seq = NEW.seq AND name = NEW.name) THEN
    RAISE EXCEPTION 'a value beside the ledger comes with its entry';
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION countersign_erased_by_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM erased_values WHERE seq = OLD.seq AND name = OLD.name) THEN
    RAISE EXCEPTION 'a value beside the ledger goes only by an erasure';
  END IF;
  RETURN OLD;
END $$;
CREATE FUNCTION countersign_erasure_has_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ledger_index
    WHERE seq = NEW.entry_seq AND kind IN ('person.erased', 'values.erased')) THEN
    RAISE EXCEPTION 'an erasure has its entry';
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION countersign_redacted_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.record_id <> OLD.record_id OR NEW.number <> OLD.number OR NEW.digest <> OLD.digest
    OR NEW.author_id IS DISTINCT FROM OLD.author_id OR NEW.created_at <> OLD.created_at
    OR NEW.redacted_seq IS NULL OR NEW.redacted_digest IS NULL
    OR NEW.redacted_seq <= COALESCE(OLD.redacted_seq, -1)
    OR NOT EXISTS (SELECT 1 FROM ledger_index
      WHERE seq = NEW.redacted_seq AND kind = 'person.erased') THEN
    RAISE EXCEPTION 'a revision never changes';
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION countersign_text_goes_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.text <> 'Erased' THEN
    RAISE EXCEPTION 'a condition never changes';
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION countersign_decided_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'decided' THEN
    RAISE EXCEPTION 'a decided task never goes';
  END IF;
  RETURN OLD;
END $$;
CREATE FUNCTION countersign_erased_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.erased_at IS NOT NULL THEN
    RAISE EXCEPTION 'an erased person stays erased';
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION countersign_count_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.name <> OLD.name OR NEW.last <= OLD.last THEN
    RAISE EXCEPTION 'a reference is never given twice';
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION countersign_settled_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.settled_seq IS NOT NULL THEN
    RAISE EXCEPTION '%', TG_ARGV[0];
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION countersign_lifted_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.lifted_seq IS NOT NULL THEN
    RAISE EXCEPTION '%', TG_ARGV[0];
  END IF;
  RETURN NEW;
END $$;

DROP TRIGGER revisions_fixed ON revisions;
CREATE TRIGGER ledger_private_fixed BEFORE UPDATE ON ledger_private
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a value beside the ledger never changes');
CREATE TRIGGER ledger_private_erased_by_entry BEFORE DELETE ON ledger_private
FOR EACH ROW EXECUTE FUNCTION countersign_erased_by_entry();
CREATE TRIGGER ledger_private_with_entry AFTER INSERT ON ledger_private
FOR EACH ROW EXECUTE FUNCTION countersign_with_entry();
CREATE TRIGGER ledger_private_kept BEFORE TRUNCATE ON ledger_private
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a value beside the ledger goes only by an erasure');
CREATE TRIGGER erased_values_fixed BEFORE DELETE OR UPDATE ON erased_values
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('what was erased stays noted');
CREATE TRIGGER erased_values_by_entry BEFORE INSERT ON erased_values
FOR EACH ROW EXECUTE FUNCTION countersign_erasure_has_entry();
CREATE TRIGGER erased_values_kept BEFORE TRUNCATE ON erased_values
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('what was erased stays noted');
CREATE TRIGGER revisions_fixed BEFORE DELETE ON revisions
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a revision never changes');
CREATE TRIGGER revisions_redacted_only BEFORE UPDATE ON revisions
FOR EACH ROW EXECUTE FUNCTION countersign_redacted_only();
CREATE TRIGGER conditions_fixed BEFORE DELETE OR UPDATE OF id, decision_id, record_id, due ON conditions
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a condition never changes');
CREATE TRIGGER conditions_text_fixed BEFORE UPDATE OF text ON conditions
FOR EACH ROW EXECUTE FUNCTION countersign_text_goes_only();
CREATE TRIGGER conditions_kept BEFORE TRUNCATE ON conditions
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a condition never goes');
CREATE TRIGGER reviews_fixed BEFORE DELETE OR UPDATE OF id, record_id, workflow_key, workflow_version, opened_at ON reviews
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a review keeps its record and workflow');
CREATE TRIGGER reviews_kept BEFORE TRUNCATE ON reviews
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a review never goes');
CREATE TRIGGER tasks_fixed BEFORE UPDATE OF id, review_id, record_id, stage, epoch, person_id ON tasks
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a task stays with its person');
CREATE TRIGGER tasks_decided_stay BEFORE DELETE ON tasks
FOR EACH ROW EXECUTE FUNCTION countersign_decided_stay();
CREATE TRIGGER tasks_kept BEFORE TRUNCATE ON tasks
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a decided task never goes');
CREATE TRIGGER records_fixed BEFORE DELETE OR UPDATE OF id, nr, kind, reference, source_key, created_at ON records
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a record keeps its reference');
CREATE TRIGGER records_kept BEFORE TRUNCATE ON records
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a record never goes');
CREATE TRIGGER people_fixed BEFORE DELETE OR UPDATE OF id, created_at ON people
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a person never goes');
CREATE TRIGGER people_erased_stay BEFORE UPDATE OF name, email, active, erased_at ON people
FOR EACH ROW EXECUTE FUNCTION countersign_erased_stay();
CREATE TRIGGER people_kept BEFORE TRUNCATE ON people
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a person never goes');
CREATE TRIGGER counters_fixed BEFORE DELETE ON counters
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a reference is never given twice');
CREATE TRIGGER counters_count_up BEFORE UPDATE ON counters
FOR EACH ROW EXECUTE FUNCTION countersign_count_up();
CREATE TRIGGER counters_kept BEFORE TRUNCATE ON counters
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a reference is never given twice');
CREATE TRIGGER ledger_checkpoints_fixed BEFORE DELETE OR UPDATE ON ledger_checkpoints
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a checkpoint never changes');
CREATE TRIGGER ledger_checkpoints_kept BEFORE TRUNCATE ON ledger_checkpoints
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a checkpoint never changes');
CREATE TRIGGER ledger_cosignatures_fixed BEFORE DELETE OR UPDATE ON ledger_cosignatures
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a cosignature never changes');
CREATE TRIGGER ledger_cosignatures_kept BEFORE TRUNCATE ON ledger_cosignatures
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a cosignature never changes');
CREATE TRIGGER ledger_stamps_fixed BEFORE DELETE OR UPDATE ON ledger_stamps
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a time stamp never changes');
CREATE TRIGGER ledger_stamps_kept BEFORE TRUNCATE ON ledger_stamps
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a time stamp never changes');
CREATE TRIGGER ledger_keys_fixed BEFORE DELETE OR UPDATE OF vkey, origin, seq ON ledger_keys
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a key never changes');
CREATE TRIGGER ledger_keys_kept BEFORE TRUNCATE ON ledger_keys
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a key never changes');
CREATE TRIGGER erasures_fixed BEFORE DELETE OR UPDATE OF id, person_id, basis, proposed_by, proposed_seq, proposed_at ON erasures
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a proposal never changes');
CREATE TRIGGER erasures_settled BEFORE UPDATE ON erasures
FOR EACH ROW EXECUTE FUNCTION countersign_settled_stay('a proposal never changes');
CREATE TRIGGER erasures_kept BEFORE TRUNCATE ON erasures
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a proposal never changes');
CREATE TRIGGER legal_holds_fixed BEFORE DELETE OR UPDATE OF id, person_id, record_id, set_by, set_seq, set_at ON legal_holds
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a legal hold never changes');
CREATE TRIGGER legal_holds_lifted BEFORE UPDATE ON legal_holds
FOR EACH ROW EXECUTE FUNCTION countersign_lifted_stay('a legal hold never changes');
CREATE TRIGGER legal_holds_kept BEFORE TRUNCATE ON legal_holds
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a legal hold never changes');
CREATE TRIGGER retention_rules_fixed BEFORE DELETE OR UPDATE OF id, values_months, links_days, proposed_by, proposed_seq, proposed_at ON retention_rules
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a retention rule never changes');
CREATE TRIGGER retention_rules_settled BEFORE UPDATE ON retention_rules
FOR EACH ROW EXECUTE FUNCTION countersign_settled_stay('a retention rule never changes');
CREATE TRIGGER retention_rules_kept BEFORE TRUNCATE ON retention_rules
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a retention rule never changes');
-- ALWAYS: else a session that calls itself a replica walks past them.
ALTER TABLE ledger_private ENABLE ALWAYS TRIGGER ledger_private_fixed;
ALTER TABLE ledger_private ENABLE ALWAYS TRIGGER ledger_private_erased_by_entry;
ALTER TABLE ledger_private ENABLE ALWAYS TRIGGER ledger_private_with_entry;
ALTER TABLE ledger_private ENABLE ALWAYS TRIGGER ledger_private_kept;
ALTER TABLE erased_values ENABLE ALWAYS TRIGGER erased_values_fixed;
ALTER TABLE erased_values ENABLE ALWAYS TRIGGER erased_values_by_entry;
ALTER TABLE erased_values ENABLE ALWAYS TRIGGER erased_values_kept;
ALTER TABLE revisions ENABLE ALWAYS TRIGGER revisions_fixed;
ALTER TABLE revisions ENABLE ALWAYS TRIGGER revisions_redacted_only;
ALTER TABLE conditions ENABLE ALWAYS TRIGGER conditions_fixed;
ALTER TABLE conditions ENABLE ALWAYS TRIGGER conditions_text_fixed;
ALTER TABLE conditions ENABLE ALWAYS TRIGGER conditions_kept;
ALTER TABLE reviews ENABLE ALWAYS TRIGGER reviews_fixed;
ALTER TABLE reviews ENABLE ALWAYS TRIGGER reviews_kept;
ALTER TABLE tasks ENABLE ALWAYS TRIGGER tasks_fixed;
ALTER TABLE tasks ENABLE ALWAYS TRIGGER tasks_decided_stay;
ALTER TABLE tasks ENABLE ALWAYS TRIGGER tasks_kept;
ALTER TABLE records ENABLE ALWAYS TRIGGER records_fixed;
ALTER TABLE records ENABLE ALWAYS TRIGGER records_kept;
ALTER TABLE people ENABLE ALWAYS TRIGGER people_fixed;
ALTER TABLE people ENABLE ALWAYS TRIGGER people_erased_stay;
ALTER TABLE people ENABLE ALWAYS TRIGGER people_kept;
ALTER TABLE counters ENABLE ALWAYS TRIGGER counters_fixed;
ALTER TABLE counters ENABLE ALWAYS TRIGGER counters_count_up;
ALTER TABLE counters ENABLE ALWAYS TRIGGER counters_kept;
ALTER TABLE ledger_cosignatures ENABLE ALWAYS TRIGGER ledger_cosignatures_fixed;
ALTER TABLE ledger_cosignatures ENABLE ALWAYS TRIGGER ledger_cosignatures_kept;
ALTER TABLE ledger_stamps ENABLE ALWAYS TRIGGER ledger_stamps_fixed;
ALTER TABLE ledger_stamps ENABLE ALWAYS TRIGGER ledger_stamps_kept;
ALTER TABLE ledger_checkpoints ENABLE ALWAYS TRIGGER ledger_checkpoints_fixed;
ALTER TABLE ledger_checkpoints ENABLE ALWAYS TRIGGER ledger_checkpoints_kept;
ALTER TABLE ledger_keys ENABLE ALWAYS TRIGGER ledger_keys_fixed;
ALTER TABLE ledger_keys ENABLE ALWAYS TRIGGER ledger_keys_kept;
ALTER TABLE erasures ENABLE ALWAYS TRIGGER erasures_fixed;
ALTER TABLE erasures ENABLE ALWAYS TRIGGER erasures_settled;
ALTER TABLE erasures ENABLE ALWAYS TRIGGER erasures_kept;
ALTER TABLE legal_holds ENABLE ALWAYS TRIGGER legal_holds_fixed;
ALTER TABLE legal_holds ENABLE ALWAYS TRIGGER legal_holds_lifted;
ALTER TABLE legal_holds ENABLE ALWAYS TRIGGER legal_holds_kept;
ALTER TABLE retention_rules ENABLE ALWAYS TRIGGER retention_rules_fixed;
ALTER TABLE retention_rules ENABLE ALWAYS TRIGGER retention_rules_settled;
ALTER TABLE retention_rules ENABLE ALWAYS TRIGGER retention_rules_kept;

-- Without a path of their own the functions would read whatever table a session puts in the way.
DO $$
DECLARE guard regprocedure;
BEGIN
  FOR guard IN SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'countersign\_%'
  LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', guard, current_schema());
  END LOOP;
END $$;
