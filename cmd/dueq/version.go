package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is set by the linker in builds that are released.
var release = ""

func (c *cli) version() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{Use: "version", Short: "Print the version", Args: takes(0, 0)}
	cmd.Flags().BoolVar(&asJSON, "json", false, jsonUsage)
	cmd.RunE = c.act(func(_ context.Context, _ *config, p *process, _ []string) error {
		version, revision := builtFrom()
		if asJSON {
			return writeJSON(p.out, map[string]string{
				"version": version, "revision": revision, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
			})
		}
		_, err := fmt.Fprintf(p.out, "dueq %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	})
	return cmd
}

// builtFrom is what the toolchain noted about the build.
func builtFrom() (version, revision string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return orDash(release), ""
	}
	version = info.Main.Version
	if release != "" {
		version = release
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return orDash(version), revision
}
