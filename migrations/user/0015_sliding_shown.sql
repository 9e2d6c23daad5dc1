-- The response that the client of a connection of sliding sync has shown last: those between it and `answer` told nothing. Which extensions have been
-- enabled all along need not be known any more.
ALTER TABLE sliding_connections RENAME COLUMN scoped TO shown;
UPDATE sliding_connections SET shown = answer;
