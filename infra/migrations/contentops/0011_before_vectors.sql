-- Vectors of texts and their distance; comes with the embedded server.
CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;
