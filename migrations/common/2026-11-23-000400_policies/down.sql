DROP TABLE policy_answers;
DROP TABLE policy_draft_authors;
DROP TABLE policy_drafts;
DROP TABLE policies;
