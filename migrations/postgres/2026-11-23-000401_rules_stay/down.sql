DROP TRIGGER policy_answers_kept ON policy_answers;
DROP TRIGGER policy_answers_fixed ON policy_answers;
DROP TRIGGER rule_versions_kept ON rule_versions;
DROP TRIGGER rule_versions_fixed ON rule_versions;
