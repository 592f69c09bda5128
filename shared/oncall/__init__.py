"""Who is on call: schedules, and the one question that is asked of them."""
