-- What an auditor is appointed to changes with an entry about them, and in no other way.
CREATE TRIGGER auditor_terms_no_update BEFORE UPDATE ON auditor_terms
BEGIN SELECT RAISE(ABORT, 'an appointment changes by an entry'); END;
CREATE TRIGGER auditor_terms_by_entry BEFORE INSERT ON auditor_terms
WHEN EXISTS (SELECT 1 FROM auditor_terms WHERE person_id = NEW.person_id)
  OR NOT EXISTS (SELECT 1 FROM ledger_index
    WHERE seq = NEW.seq AND seq = (SELECT MAX(seq) FROM ledger_entries)
      AND person_id = NEW.person_id AND kind IN ('role.given', 'auditor.scoped'))
BEGIN SELECT RAISE(ABORT, 'an appointment changes by an entry'); END;
CREATE TRIGGER auditor_terms_go_by_entry BEFORE DELETE ON auditor_terms
WHEN NOT EXISTS (SELECT 1 FROM ledger_index
  WHERE seq > OLD.seq AND seq = (SELECT MAX(seq) FROM ledger_entries)
    AND person_id = OLD.person_id AND kind IN ('role.given', 'auditor.scoped', 'role.taken'))
BEGIN SELECT RAISE(ABORT, 'an appointment changes by an entry'); END;
