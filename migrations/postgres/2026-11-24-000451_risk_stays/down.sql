DROP TRIGGER risk_escalations_kept ON risk_escalations;
DROP TRIGGER risk_escalations_settled ON risk_escalations;
DROP TRIGGER risk_escalations_fixed ON risk_escalations;
DROP TRIGGER risk_scores_kept ON risk_scores;
DROP TRIGGER risk_scores_fixed ON risk_scores;
DROP TRIGGER risk_assessments_kept ON risk_assessments;
DROP TRIGGER risk_assessments_fixed ON risk_assessments;
DROP FUNCTION countersign_escalation_settled;
