DROP TRIGGER join_limits_kept ON join_limits;
DROP TRIGGER join_limits_fixed ON join_limits;
DROP TRIGGER joins_kept ON joins;
DROP TRIGGER joins_fixed ON joins;
