DROP TRIGGER oversight_samples_kept ON oversight_samples;
DROP TRIGGER oversight_samples_withdrawn ON oversight_samples;
DROP TRIGGER oversight_samples_fixed ON oversight_samples;
DROP TRIGGER overseers_kept ON overseers;
DROP TRIGGER overseers_fixed ON overseers;
DROP TRIGGER oversight_arrangements_kept ON oversight_arrangements;
DROP TRIGGER oversight_arrangements_fixed ON oversight_arrangements;
DROP FUNCTION countersign_sample_withdrawn;
