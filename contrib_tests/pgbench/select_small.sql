SELECT id, what, day FROM small_read WHERE id = 7;
