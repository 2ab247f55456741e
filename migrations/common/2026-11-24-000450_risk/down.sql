DROP TABLE risk_escalations;
DROP TABLE risk_scores;
DROP TABLE risk_assessments;
