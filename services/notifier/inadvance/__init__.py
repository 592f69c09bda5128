"""What people say in advance on a page: who answers for them, and what runs without asking."""
