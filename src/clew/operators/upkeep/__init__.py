"""What is known meets what is new: revise, merge, reorganise, expire."""
