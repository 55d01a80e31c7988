"""The papers under audit that ship with the toolkit; a user's own lies in a project of its own."""
