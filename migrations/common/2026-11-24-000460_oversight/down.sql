DROP TABLE oversight_samples;
DROP TABLE overseers;
DROP TABLE oversight_arrangements;
