"""What comes back of a parcel: looked at by one, sent on its way before another."""
