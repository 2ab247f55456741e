-- What an auditor is appointed to changes with an entry about them, and in no other way.
CREATE FUNCTION countersign_appointed_by_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ledger_index
    WHERE seq = NEW.seq AND seq = (SELECT MAX(seq) FROM ledger_entries)
      AND person_id = NEW.person_id AND kind IN ('role.given', 'auditor.scoped')) THEN
    RAISE EXCEPTION 'an appointment changes by an entry';
  END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION countersign_appointment_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ledger_index
    WHERE seq > OLD.seq AND seq = (SELECT MAX(seq) FROM ledger_entries)
      AND person_id = OLD.person_id AND kind IN ('role.given', 'auditor.scoped', 'role.taken')) THEN
    RAISE EXCEPTION 'an appointment changes by an entry';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER auditor_terms_fixed BEFORE UPDATE ON auditor_terms
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('an appointment changes by an entry');
CREATE TRIGGER auditor_terms_by_entry BEFORE INSERT ON auditor_terms
FOR EACH ROW EXECUTE FUNCTION countersign_appointed_by_entry();
CREATE TRIGGER auditor_terms_go_by_entry BEFORE DELETE ON auditor_terms
FOR EACH ROW EXECUTE FUNCTION countersign_appointment_goes();
CREATE TRIGGER auditor_terms_kept BEFORE TRUNCATE ON auditor_terms
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('an appointment changes by an entry');
ALTER TABLE auditor_terms ENABLE ALWAYS TRIGGER auditor_terms_fixed;
ALTER TABLE auditor_terms ENABLE ALWAYS TRIGGER auditor_terms_by_entry;
ALTER TABLE auditor_terms ENABLE ALWAYS TRIGGER auditor_terms_go_by_entry;
ALTER TABLE auditor_terms ENABLE ALWAYS TRIGGER auditor_terms_kept;
