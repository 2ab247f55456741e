CREATE TRIGGER joins_fixed BEFORE DELETE OR UPDATE ON joins
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('what joined an approval never changes');
CREATE TRIGGER joins_kept BEFORE TRUNCATE ON joins
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('what joined an approval never changes');
ALTER TABLE joins ENABLE ALWAYS TRIGGER joins_fixed;
ALTER TABLE joins ENABLE ALWAYS TRIGGER joins_kept;
CREATE TRIGGER join_limits_fixed BEFORE DELETE OR UPDATE ON join_limits
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a limit that was set never changes');
CREATE TRIGGER join_limits_kept BEFORE TRUNCATE ON join_limits
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a limit that was set never changes');
ALTER TABLE join_limits ENABLE ALWAYS TRIGGER join_limits_fixed;
ALTER TABLE join_limits ENABLE ALWAYS TRIGGER join_limits_kept;
