"""What the shelf will need, what will be left over on it, and what lies dead."""
