package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// takes wants so many arguments; many is any number.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		return usagef("got %s; want %s", plural(len(args), "argument"), strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	}
}

const many = 1 << 30

// notTogether refuses more than one of the flags.
func notTogether(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, _ []string) error {
		given := givenOf(cmd, names)
		if len(given) > 1 {
			return usagef("%s cannot be used together", strings.Join(given, " and "))
		}
		return nil
	}
}

// oneOf wants one of the flags.
func oneOf(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, _ []string) error {
		if len(givenOf(cmd, names)) == 0 {
			return usagef("want --%s", strings.Join(names, " or --"))
		}
		return nil
	}
}

func givenOf(cmd *cobra.Command, names []string) []string {
	var given []string
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			given = append(given, "--"+name)
		}
	}
	return given
}

// suggested is cobra's error for an unknown command, as a sentence.
func suggested(text string) string {
	what, names, found := strings.Cut(text, "; Did you mean this?; ")
	if !found {
		return text
	}
	return what + "; did you mean " + strings.ReplaceAll(names, "; ", " or ") + "?"
}
