"""What was tried and how it ended: trajectories, lessons, insights, what they are worth."""
