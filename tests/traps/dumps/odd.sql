/* c */ INSERT INTO people (iin, name) VALUES ('600110390009', 'a;
);-- x'), -- it's
('630211490007', E'it\'s'), ('660312390008', x'4142'), (690413490009, _binary 'q') ON DUPLICATE KEY UPDATE name='z';
INSERT INTO people (name, iin) VALUES ('x', '720514390006');
