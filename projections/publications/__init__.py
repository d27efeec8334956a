"""Publications: the calendar, from plan to public."""
