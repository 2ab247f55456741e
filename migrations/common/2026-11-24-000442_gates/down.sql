DROP TABLE test_waivers;
DROP TABLE test_results;
