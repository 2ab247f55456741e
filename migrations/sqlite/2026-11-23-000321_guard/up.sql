-- A BEFORE INSERT trigger stands beside each pair of UPDATE and DELETE: REPLACE walks past those.
CREATE TRIGGER ledger_private_no_update BEFORE UPDATE ON ledger_private
BEGIN SELECT RAISE(ABORT, 'a value beside the ledger never changes'); END;
CREATE TRIGGER ledger_private_erased_by_entry BEFORE DELETE ON ledger_private
WHEN NOT EXISTS (SELECT 1 FROM erased_values WHERE seq = OLD.seq AND name = OLD.name)
BEGIN SELECT RAISE(ABORT, 'a value beside the ledger goes only by an erasure'); END;
CREATE TRIGGER ledger_private_with_entry BEFORE INSERT ON ledger_private
WHEN NEW.seq <> (SELECT MAX(seq) FROM ledger_entries)
  OR EXISTS (SELECT 1 FROM ledger_private WHERE seq = NEW.seq AND name = NEW.name)
  OR EXISTS (SELECT 1 FROM erased_values WHERE seq = NEW.seq AND name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'a value beside the ledger comes with its entry'); END;
CREATE TRIGGER erased_values_no_update BEFORE UPDATE ON erased_values
BEGIN SELECT RAISE(ABORT, 'what was erased stays noted'); END;
CREATE TRIGGER erased_values_no_delete BEFORE DELETE ON erased_values
BEGIN SELECT RAISE(ABORT, 'what was erased stays noted'); END;
CREATE TRIGGER erased_values_by_entry BEFORE INSERT ON erased_values
WHEN NOT EXISTS (SELECT 1 FROM ledger_index
    WHERE seq = NEW.entry_seq AND kind IN ('person.erased', 'values.erased'))
  OR EXISTS (SELECT 1 FROM erased_values WHERE seq = NEW.seq AND name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'an erasure has its entry'); END;

DROP TRIGGER revisions_no_update;
CREATE TRIGGER revisions_no_update BEFORE UPDATE ON revisions
WHEN NEW.record_id <> OLD.record_id OR NEW.number <> OLD.number OR NEW.digest <> OLD.digest
  OR NEW.author_id IS NOT OLD.author_id OR NEW.created_at <> OLD.created_at
  OR NEW.redacted_seq IS NULL OR NEW.redacted_digest IS NULL
  OR NEW.redacted_seq <= COALESCE(OLD.redacted_seq, -1)
  OR NOT EXISTS (SELECT 1 FROM ledger_index
    WHERE seq = NEW.redacted_seq AND kind = 'person.erased')
BEGIN SELECT RAISE(ABORT, 'a revision never changes'); END;

CREATE TRIGGER conditions_fixed BEFORE UPDATE OF id, decision_id, record_id, due ON conditions
BEGIN SELECT RAISE(ABORT, 'a condition never changes'); END;
CREATE TRIGGER conditions_text_fixed BEFORE UPDATE OF text ON conditions WHEN NEW.text <> 'Erased'
BEGIN SELECT RAISE(ABORT, 'a condition never changes'); END;
CREATE TRIGGER conditions_no_delete BEFORE DELETE ON conditions
BEGIN SELECT RAISE(ABORT, 'a condition never goes'); END;
CREATE TRIGGER conditions_no_replace BEFORE INSERT ON conditions
WHEN EXISTS (SELECT 1 FROM conditions WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a condition never changes'); END;

CREATE TRIGGER reviews_fixed
BEFORE UPDATE OF id, record_id, workflow_key, workflow_version, opened_at ON reviews
BEGIN SELECT RAISE(ABORT, 'a review keeps its record and workflow'); END;
CREATE TRIGGER reviews_no_delete BEFORE DELETE ON reviews
BEGIN SELECT RAISE(ABORT, 'a review never goes'); END;
CREATE TRIGGER reviews_no_replace BEFORE INSERT ON reviews
WHEN EXISTS (SELECT 1 FROM reviews WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a review never goes'); END;

CREATE TRIGGER tasks_fixed
BEFORE UPDATE OF id, review_id, record_id, stage, epoch, person_id ON tasks
BEGIN SELECT RAISE(ABORT, 'a task stays with its person'); END;
CREATE TRIGGER tasks_decided_stay BEFORE DELETE ON tasks WHEN OLD.state = 'decided'
BEGIN SELECT RAISE(ABORT, 'a decided task never goes'); END;
-- Who has a handed-on task back opens the same row again, so the same person may come twice.
CREATE TRIGGER tasks_no_replace BEFORE INSERT ON tasks
WHEN EXISTS (SELECT 1 FROM tasks WHERE id = NEW.id AND (review_id <> NEW.review_id
  OR record_id <> NEW.record_id OR stage <> NEW.stage OR epoch <> NEW.epoch
  OR person_id <> NEW.person_id OR state = 'decided'))
BEGIN SELECT RAISE(ABORT, 'a task stays with its person'); END;

CREATE TRIGGER records_fixed
BEFORE UPDATE OF id, nr, kind, reference, source_key, created_at ON records
BEGIN SELECT RAISE(ABORT, 'a record keeps its reference'); END;
CREATE TRIGGER records_no_delete BEFORE DELETE ON records
BEGIN SELECT RAISE(ABORT, 'a record never goes'); END;
CREATE TRIGGER records_no_replace BEFORE INSERT ON records
WHEN EXISTS (SELECT 1 FROM records WHERE id = NEW.id OR nr = NEW.nr OR reference = NEW.reference
  OR (kind = NEW.kind AND source_key = NEW.source_key))
BEGIN SELECT RAISE(ABORT, 'a record never goes'); END;

CREATE TRIGGER people_fixed BEFORE UPDATE OF id, created_at ON people
BEGIN SELECT RAISE(ABORT, 'a person keeps their identifier'); END;
CREATE TRIGGER people_erased_stay BEFORE UPDATE OF name, email, active, erased_at ON people
WHEN OLD.erased_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'an erased person stays erased'); END;
CREATE TRIGGER people_one_address BEFORE UPDATE OF email ON people
WHEN EXISTS (SELECT 1 FROM people WHERE email = NEW.email AND id <> NEW.id)
BEGIN SELECT RAISE(ABORT, 'a person never goes'); END;
CREATE TRIGGER people_no_delete BEFORE DELETE ON people
BEGIN SELECT RAISE(ABORT, 'a person never goes'); END;
CREATE TRIGGER people_no_replace BEFORE INSERT ON people
WHEN EXISTS (SELECT 1 FROM people WHERE id = NEW.id OR email = NEW.email)
BEGIN SELECT RAISE(ABORT, 'a person never goes'); END;

CREATE TRIGGER counters_count_up BEFORE UPDATE ON counters
WHEN NEW.name <> OLD.name OR NEW.last <= OLD.last
BEGIN SELECT RAISE(ABORT, 'a reference is never given twice'); END;
CREATE TRIGGER counters_no_delete BEFORE DELETE ON counters
BEGIN SELECT RAISE(ABORT, 'a reference is never given twice'); END;
CREATE TRIGGER counters_no_replace BEFORE INSERT ON counters
WHEN EXISTS (SELECT 1 FROM counters WHERE name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'a reference is never given twice'); END;

-- A proposal, a hold, a rule: once settled or lifted it never changes, and none ever goes.
CREATE TRIGGER erasures_fixed BEFORE UPDATE OF id, person_id, basis, proposed_by, proposed_seq, proposed_at ON erasures
BEGIN SELECT RAISE(ABORT, 'a proposal never changes'); END;
CREATE TRIGGER erasures_settled BEFORE UPDATE ON erasures WHEN OLD.settled_seq IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a proposal never changes'); END;
CREATE TRIGGER erasures_no_delete BEFORE DELETE ON erasures
BEGIN SELECT RAISE(ABORT, 'a proposal never changes'); END;
CREATE TRIGGER erasures_no_replace BEFORE INSERT ON erasures
WHEN EXISTS (SELECT 1 FROM erasures WHERE id = NEW.id OR (person_id = NEW.person_id AND state = 'proposed'))
BEGIN SELECT RAISE(ABORT, 'a proposal never changes'); END;
CREATE TRIGGER legal_holds_fixed BEFORE UPDATE OF id, person_id, record_id, set_by, set_seq, set_at ON legal_holds
BEGIN SELECT RAISE(ABORT, 'a legal hold never changes'); END;
CREATE TRIGGER legal_holds_settled BEFORE UPDATE ON legal_holds WHEN OLD.lifted_seq IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a legal hold never changes'); END;
CREATE TRIGGER legal_holds_no_delete BEFORE DELETE ON legal_holds
BEGIN SELECT RAISE(ABORT, 'a legal hold never changes'); END;
CREATE TRIGGER legal_holds_no_replace BEFORE INSERT ON legal_holds
WHEN EXISTS (SELECT 1 FROM legal_holds WHERE id = NEW.id OR (lifted_at IS NULL AND
  (person_id = NEW.person_id OR record_id = NEW.record_id)))
BEGIN SELECT RAISE(ABORT, 'a legal hold never changes'); END;
CREATE TRIGGER retention_rules_fixed BEFORE UPDATE OF id, values_months, links_days, proposed_by, proposed_seq, proposed_at ON retention_rules
BEGIN SELECT RAISE(ABORT, 'a retention rule never changes'); END;
CREATE TRIGGER retention_rules_settled BEFORE UPDATE ON retention_rules WHEN OLD.settled_seq IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a retention rule never changes'); END;
CREATE TRIGGER retention_rules_no_delete BEFORE DELETE ON retention_rules
BEGIN SELECT RAISE(ABORT, 'a retention rule never changes'); END;
CREATE TRIGGER retention_rules_no_replace BEFORE INSERT ON retention_rules
WHEN EXISTS (SELECT 1 FROM retention_rules WHERE id = NEW.id OR state = 'proposed')
BEGIN SELECT RAISE(ABORT, 'a retention rule never changes'); END;

CREATE TRIGGER ledger_checkpoints_no_update BEFORE UPDATE ON ledger_checkpoints
BEGIN SELECT RAISE(ABORT, 'a checkpoint never changes'); END;
CREATE TRIGGER ledger_checkpoints_no_delete BEFORE DELETE ON ledger_checkpoints
BEGIN SELECT RAISE(ABORT, 'a checkpoint never changes'); END;
-- A second signature for the same size changes nothing, and neither does REPLACE.
CREATE TRIGGER ledger_checkpoints_no_replace BEFORE INSERT ON ledger_checkpoints
WHEN EXISTS (SELECT 1 FROM ledger_checkpoints WHERE origin = NEW.origin AND size = NEW.size)
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER ledger_cosignatures_no_update BEFORE UPDATE ON ledger_cosignatures
BEGIN SELECT RAISE(ABORT, 'a cosignature never changes'); END;
CREATE TRIGGER ledger_cosignatures_no_delete BEFORE DELETE ON ledger_cosignatures
BEGIN SELECT RAISE(ABORT, 'a cosignature never changes'); END;
CREATE TRIGGER ledger_cosignatures_no_replace BEFORE INSERT ON ledger_cosignatures
WHEN EXISTS (SELECT 1 FROM ledger_cosignatures WHERE origin = NEW.origin AND size = NEW.size AND witness = NEW.witness)
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER ledger_stamps_no_update BEFORE UPDATE ON ledger_stamps
BEGIN SELECT RAISE(ABORT, 'a time stamp never changes'); END;
CREATE TRIGGER ledger_stamps_no_delete BEFORE DELETE ON ledger_stamps
BEGIN SELECT RAISE(ABORT, 'a time stamp never changes'); END;
CREATE TRIGGER ledger_stamps_no_replace BEFORE INSERT ON ledger_stamps
WHEN EXISTS (SELECT 1 FROM ledger_stamps WHERE origin = NEW.origin AND size = NEW.size)
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER ledger_keys_fixed BEFORE UPDATE OF vkey, origin, seq ON ledger_keys
BEGIN SELECT RAISE(ABORT, 'a key never changes'); END;
CREATE TRIGGER ledger_keys_no_delete BEFORE DELETE ON ledger_keys
BEGIN SELECT RAISE(ABORT, 'a key never changes'); END;
CREATE TRIGGER ledger_keys_no_replace BEFORE INSERT ON ledger_keys
WHEN EXISTS (SELECT 1 FROM ledger_keys WHERE vkey = NEW.vkey)
BEGIN SELECT RAISE(ABORT, 'a key never changes'); END;
