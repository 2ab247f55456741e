DROP TABLE checkpoint_readers;
DROP TABLE ledger_keys;
DROP TABLE ledger_checkpoints;
