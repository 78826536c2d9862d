package text

// Catalogue returns the texts of a language.
func Catalogue(l Language) map[string]string { return catalogues[l] }
