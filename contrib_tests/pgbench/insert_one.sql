INSERT INTO small VALUES (1, 'a row of a small transaction', '2026-01-31');
