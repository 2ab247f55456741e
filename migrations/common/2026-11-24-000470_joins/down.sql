DROP TABLE join_limits;
DROP TABLE joins;
