"""The tests: one folder for each room, and scenarios that cross them."""
