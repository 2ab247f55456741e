DROP TRIGGER policy_answers_kept ON policy_answers;
DROP TRIGGER policy_answers_fixed ON policy_answers;
DROP TRIGGER policies_kept ON policies;
DROP TRIGGER policies_fixed ON policies;
