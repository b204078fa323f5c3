CREATE TABLE people (iin char(12), name text);
INSERT INTO people VALUES ('600110390009','x'),('630211490007','y'),('660312390008','z