DROP TABLE checkpoint_readers;
DROP TABLE ledger_askings;
DROP TABLE ledger_stamps;
DROP TABLE ledger_cosignatures;
DROP TABLE ledger_keys;
DROP TABLE ledger_checkpoints;
