package redisproc

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Info reads one whole-number field of one section of INFO.
func (s *Server) Info(ctx context.Context, section, field string) (int64, error) {
	text, err := s.InfoText(ctx, section, field)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// InfoText reads one field of one section of INFO as it stands.
func (s *Server) InfoText(ctx context.Context, section, field string) (string, error) {
	text, err := s.Admin.Info(ctx, section).Result()
	if err != nil {
		return "", err
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return value, nil
		}
	}
	return "", fmt.Errorf("INFO %s has no field %q", section, field)
}
