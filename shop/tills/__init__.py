"""The desk: registers, their drawers, money taken into these and paid out of these."""
