DROP TRIGGER calendars_no_replace;
DROP TRIGGER calendars_no_delete;
DROP TRIGGER calendars_no_update;
