CREATE TRIGGER calendars_no_update BEFORE UPDATE ON calendars
BEGIN SELECT RAISE(ABORT, 'a calendar version never changes'); END;
CREATE TRIGGER calendars_no_delete BEFORE DELETE ON calendars
BEGIN SELECT RAISE(ABORT, 'a calendar version never changes'); END;
CREATE TRIGGER calendars_no_replace BEFORE INSERT ON calendars
WHEN EXISTS (SELECT 1 FROM calendars WHERE key = NEW.key AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'a calendar version never changes'); END;
