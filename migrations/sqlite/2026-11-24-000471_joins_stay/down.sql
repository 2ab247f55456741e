DROP TRIGGER join_limits_no_replace;
DROP TRIGGER join_limits_no_delete;
DROP TRIGGER join_limits_no_update;
DROP TRIGGER joins_no_replace;
DROP TRIGGER joins_no_delete;
DROP TRIGGER joins_no_update;
