package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

const (
	configFlag  = "config"
	defaultFile = "dueq.yaml"
)

// The words for where a value comes from.
const (
	fromDefault     = "default"
	fromFlag        = "flag"
	fromEnvironment = "environment"
	fromFile        = "file"
)

// readConfig merges the settings: flag over environment over file over default.
func readConfig(flags *pflag.FlagSet) (*config, error) {
	v := viper.New()
	file, err := readFile(v, flags)
	if err != nil {
		return nil, err
	}
	cfg := defaults()
	cfg.file = file
	cfg.origin = map[string]string{}
	var errs []error
	for i := range settings {
		s := &settings[i]
		if err := errors.Join(v.BindEnv(s.key, s.env()), bindFlag(v, s, flags)); err != nil {
			return nil, err
		}
		cfg.origin[s.key] = origin(v, s, flags)
		if cfg.origin[s.key] == fromDefault {
			continue
		}
		if err := s.set(cfg, v.Get(s.key)); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", cfg.where(s), err))
		}
	}
	if err := errors.Join(append(errs, cfg.check())...); err != nil {
		return nil, err
	}
	return cfg, nil
}

// readFile reads the file of --config, or dueq.yaml where there is one, and returns its name.
func readFile(v *viper.Viper, flags *pflag.FlagSet) (string, error) {
	name, err := flags.GetString(configFlag)
	if err != nil {
		return "", err
	}
	asked := name != ""
	if !asked {
		name = defaultFile
	}
	v.SetConfigFile(name)
	v.SetConfigType("yaml")
	if err := v.ReadInConfig(); err != nil {
		if !asked && errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return "", fmt.Errorf("read settings from %s: %w", name, err)
	}
	return name, checkKeys(v, name)
}

// checkKeys refuses what is no setting: a typing error would otherwise leave a default in force.
func checkKeys(v *viper.Viper, file string) error {
	var unknown []string
	for _, key := range v.AllKeys() {
		known := slices.ContainsFunc(settings, func(s setting) bool {
			emptySection := v.Get(key) == nil && strings.HasPrefix(s.key, key+".")
			return s.key == key || emptySection
		})
		if !known {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("%s: no such setting: %s (dueq config lists them all)", file, strings.Join(unknown, ", "))
}

// bindFlag gives viper the flag of a setting, where the command has it.
func bindFlag(v *viper.Viper, s *setting, flags *pflag.FlagSet) error {
	if flag := s.flagIn(flags); flag != nil {
		return v.BindPFlag(s.key, flag)
	}
	return nil
}

func origin(v *viper.Viper, s *setting, flags *pflag.FlagSet) string {
	flag := s.flagIn(flags)
	switch {
	case flag != nil && flag.Changed:
		return fromFlag
	case os.Getenv(s.env()) != "":
		return fromEnvironment
	case v.InConfig(s.key) && v.Get(s.key) != nil:
		return fromFile
	default:
		return fromDefault
	}
}

// where names the place of a value for people.
func (c *config) where(s *setting) string {
	switch c.origin[s.key] {
	case fromFlag:
		return "--" + s.flag
	case fromEnvironment:
		return s.env()
	case fromFile:
		return c.file + ": " + s.key
	default:
		return fromDefault
	}
}
