CREATE TRIGGER joins_no_update BEFORE UPDATE ON joins
BEGIN SELECT RAISE(ABORT, 'what joined an approval never changes'); END;
CREATE TRIGGER joins_no_delete BEFORE DELETE ON joins
BEGIN SELECT RAISE(ABORT, 'what joined an approval never changes'); END;
CREATE TRIGGER joins_no_replace BEFORE INSERT ON joins
WHEN EXISTS (SELECT 1 FROM joins WHERE record_id = NEW.record_id)
BEGIN SELECT RAISE(ABORT, 'what joined an approval never changes'); END;
CREATE TRIGGER join_limits_no_update BEFORE UPDATE ON join_limits
BEGIN SELECT RAISE(ABORT, 'a limit that was set never changes'); END;
CREATE TRIGGER join_limits_no_delete BEFORE DELETE ON join_limits
BEGIN SELECT RAISE(ABORT, 'a limit that was set never changes'); END;
CREATE TRIGGER join_limits_no_replace BEFORE INSERT ON join_limits
WHEN EXISTS (SELECT 1 FROM join_limits WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'a limit that was set never changes'); END;
