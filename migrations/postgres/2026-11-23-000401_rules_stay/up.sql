CREATE TRIGGER rule_versions_fixed BEFORE DELETE OR UPDATE ON rule_versions
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a version of rules never changes');
CREATE TRIGGER rule_versions_kept BEFORE TRUNCATE ON rule_versions
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a version of rules never changes');
ALTER TABLE rule_versions ENABLE ALWAYS TRIGGER rule_versions_fixed;
ALTER TABLE rule_versions ENABLE ALWAYS TRIGGER rule_versions_kept;
CREATE TRIGGER policy_answers_fixed BEFORE DELETE OR UPDATE ON policy_answers
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a kept answer never changes');
CREATE TRIGGER policy_answers_kept BEFORE TRUNCATE ON policy_answers
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a kept answer never changes');
ALTER TABLE policy_answers ENABLE ALWAYS TRIGGER policy_answers_fixed;
ALTER TABLE policy_answers ENABLE ALWAYS TRIGGER policy_answers_kept;
