DROP TRIGGER test_waivers_kept ON test_waivers;
DROP TRIGGER test_waivers_settled ON test_waivers;
DROP TRIGGER test_waivers_fixed ON test_waivers;
DROP TRIGGER test_results_kept ON test_results;
DROP TRIGGER test_results_fixed ON test_results;
DROP FUNCTION countersign_waiver_settled;
