DROP TABLE workflow_draft_authors;
DROP TABLE workflow_drafts;
