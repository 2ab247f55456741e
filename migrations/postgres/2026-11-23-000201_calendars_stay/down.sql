DROP TRIGGER calendars_kept ON calendars;
DROP TRIGGER calendars_fixed ON calendars;
