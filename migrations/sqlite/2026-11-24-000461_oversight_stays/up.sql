CREATE TRIGGER oversight_arrangements_no_update BEFORE UPDATE ON oversight_arrangements
BEGIN SELECT RAISE(ABORT, 'who oversees is named anew, never changed'); END;
CREATE TRIGGER oversight_arrangements_no_delete BEFORE DELETE ON oversight_arrangements
BEGIN SELECT RAISE(ABORT, 'who oversees is named anew, never changed'); END;
CREATE TRIGGER oversight_arrangements_no_replace BEFORE INSERT ON oversight_arrangements
WHEN EXISTS (SELECT 1 FROM oversight_arrangements WHERE id = NEW.id OR seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'who oversees is named anew, never changed'); END;
CREATE TRIGGER overseers_no_update BEFORE UPDATE ON overseers
BEGIN SELECT RAISE(ABORT, 'who oversees is named anew, never changed'); END;
CREATE TRIGGER overseers_no_delete BEFORE DELETE ON overseers
BEGIN SELECT RAISE(ABORT, 'who oversees is named anew, never changed'); END;
CREATE TRIGGER overseers_no_replace BEFORE INSERT ON overseers
WHEN EXISTS (SELECT 1 FROM overseers
  WHERE arrangement_id = NEW.arrangement_id AND person_id = NEW.person_id)
BEGIN SELECT RAISE(ABORT, 'who oversees is named anew, never changed'); END;
CREATE TRIGGER oversight_samples_fixed
BEFORE UPDATE OF id, record_id, looked_on, looked_at, overridden, recorded_by, seq, at
ON oversight_samples
BEGIN SELECT RAISE(ABORT, 'what overseers found never changes'); END;
CREATE TRIGGER oversight_samples_withdrawn BEFORE UPDATE ON oversight_samples
WHEN OLD.withdrawn_seq IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'what overseers found never changes'); END;
CREATE TRIGGER oversight_samples_no_delete BEFORE DELETE ON oversight_samples
BEGIN SELECT RAISE(ABORT, 'what overseers found never changes'); END;
CREATE TRIGGER oversight_samples_no_replace BEFORE INSERT ON oversight_samples
WHEN EXISTS (SELECT 1 FROM oversight_samples WHERE id = NEW.id OR seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'what overseers found never changes'); END;
