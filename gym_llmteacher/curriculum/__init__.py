"""What a student is trained in: configurations of an env, written anew as it learns."""
