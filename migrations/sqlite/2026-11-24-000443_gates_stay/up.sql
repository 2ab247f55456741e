CREATE TRIGGER test_results_no_update BEFORE UPDATE ON test_results
BEGIN SELECT RAISE(ABORT, 'a test result never changes'); END;
CREATE TRIGGER test_results_no_delete BEFORE DELETE ON test_results
BEGIN SELECT RAISE(ABORT, 'a test result never changes'); END;
CREATE TRIGGER test_results_no_replace BEFORE INSERT ON test_results
WHEN EXISTS (SELECT 1 FROM test_results WHERE id = NEW.id OR seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'a test result never changes'); END;
CREATE TRIGGER test_waivers_fixed
BEFORE UPDATE OF id, record_id, plan, gate, until, asked_by, asked_seq, asked_at ON test_waivers
BEGIN SELECT RAISE(ABORT, 'a waiver never changes'); END;
CREATE TRIGGER test_waivers_settled BEFORE UPDATE ON test_waivers
WHEN OLD.state IN ('refused', 'withdrawn') OR (OLD.state = 'granted' AND NEW.state <> 'withdrawn')
BEGIN SELECT RAISE(ABORT, 'a waiver never changes'); END;
CREATE TRIGGER test_waivers_no_delete BEFORE DELETE ON test_waivers
BEGIN SELECT RAISE(ABORT, 'a waiver never changes'); END;
CREATE TRIGGER test_waivers_no_replace BEFORE INSERT ON test_waivers
WHEN EXISTS (SELECT 1 FROM test_waivers WHERE id = NEW.id OR asked_seq = NEW.asked_seq)
BEGIN SELECT RAISE(ABORT, 'a waiver never changes'); END;
