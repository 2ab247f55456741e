CREATE TRIGGER calendars_fixed BEFORE DELETE OR UPDATE ON calendars
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a calendar version never changes');
CREATE TRIGGER calendars_kept BEFORE TRUNCATE ON calendars
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a calendar version never changes');
ALTER TABLE calendars ENABLE ALWAYS TRIGGER calendars_fixed;
ALTER TABLE calendars ENABLE ALWAYS TRIGGER calendars_kept;
