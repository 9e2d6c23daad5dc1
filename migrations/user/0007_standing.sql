-- What an administrator has imposed on the account; both can be lifted again, and neither touches tokens or data.
ALTER TABLE account ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0;
