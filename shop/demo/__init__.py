"""The demo clinic: everything a newcomer needs to see the shop at work, on one machine."""
