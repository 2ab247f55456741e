CREATE TRIGGER policies_fixed BEFORE DELETE OR UPDATE ON policies
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a policy version never changes');
CREATE TRIGGER policies_kept BEFORE TRUNCATE ON policies
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a policy version never changes');
ALTER TABLE policies ENABLE ALWAYS TRIGGER policies_fixed;
ALTER TABLE policies ENABLE ALWAYS TRIGGER policies_kept;
CREATE TRIGGER policy_answers_fixed BEFORE DELETE OR UPDATE ON policy_answers
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a kept answer never changes');
CREATE TRIGGER policy_answers_kept BEFORE TRUNCATE ON policy_answers
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a kept answer never changes');
ALTER TABLE policy_answers ENABLE ALWAYS TRIGGER policy_answers_fixed;
ALTER TABLE policy_answers ENABLE ALWAYS TRIGGER policy_answers_kept;
